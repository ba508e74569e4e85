//! What a definite no of Snowflake's means for us: by its code where the code says enough, by the words of its
//! text where it does not. Pure; nothing but the kind depends on the words.

use pat_wire::secret::Secret;
use patd_core::lifecycle::{Refusal, RefusalKind};

use crate::mask::masked;

/// Returns the refusal with its kind; the text is masked.
pub fn refusal(code: &str, message: &str, in_flight: &[&Secret]) -> Refusal {
    Refusal {
        kind: kind(code, message),
        code: masked(code, in_flight),
        message: masked(message, in_flight),
    }
}

/// Returns the kind of a refusal of the SQL API, where the caller is the broker user.
pub fn kind(code: &str, message: &str) -> RefusalKind {
    let text = without_names(message).to_lowercase();
    match code {
        _ if is_about_our_address(code, message) => RefusalKind::AdminNetwork,
        code if is_login_code(code) => RefusalKind::AdminLogin,
        "003001" => RefusalKind::Privilege,
        "002002" => RefusalKind::NameTaken,
        "002003" if text.contains("role '") => RefusalKind::RoleNotGranted,
        "002003" => RefusalKind::Privilege,
        _ => kind_by_words(&text),
    }
}

/// Returns whether the answer speaks about where the request came from, not about what was asked. By the text
/// too: for a missing network policy one source shows 394400, the code of an invalid token, instead of 390432.
pub fn is_about_our_address(code: &str, message: &str) -> bool {
    matches!(code, NETWORK_NOT_ALLOWED | NETWORK_POLICY_REQUIRED)
        || NETWORK_TEXTS.iter().any(|text| message.contains(text))
}

/// Returns whether a login failed for what it presented, so that trying again cannot help.
///
/// Codes outside this list (busy, locked for minutes, maintenance) say nothing about the secret.
pub fn is_about_the_secret(code: &str) -> bool {
    SECRET_CODES.contains(&code)
}

/// Returns whether a code in an open session says nothing about the statement: session over, busy, cancelled.
pub fn is_passing(code: &str) -> bool {
    matches!(code, "" | "000604" | "000630" | "390110" | "390111" | "390112" | "390114" | "390505")
}

/// Returns whether the code says that a JWT was not accepted; a wrong clock is one cause of it.
///
/// snowflake docs: user-guide/key-pair-auth-troubleshooting.
pub fn is_jwt_code(code: &str) -> bool {
    matches!(code, "390144" | "394300" | "394301" | "394302" | "394303" | "394304" | "394305")
        || matches!(code, "394306" | "394307")
}

/// Returns whether a SHOW or REMOVE was refused because there is no such token. The user's own absence
/// ("User '…' does not exist or not authorized") is something else.
pub fn is_missing_token(message: &str) -> bool {
    let text = message.to_lowercase();
    text.contains("programmatic access token")
        && (text.contains("not found") || text.contains("does not exist"))
}

/// Returns the text with every quoted name emptied: a role called LIMIT must not decide anything.
fn without_names(text: &str) -> String {
    let parts = text.split('\'').enumerate();
    parts.map(|(at, part)| if at % 2 == 0 { part } else { "''" }).collect()
}

fn is_login_code(code: &str) -> bool {
    is_jwt_code(code) || LOGIN_CODES.contains(&code)
}

/// The numeric codes of failing PAT statements are not published, so the words decide; the more specific first.
fn kind_by_words(text: &str) -> RefusalKind {
    let all = |words: &[&str]| words.iter().all(|word| text.contains(word));
    let any = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if any(&["insufficient privileges", "not authorized"]) {
        RefusalKind::Privilege
    } else if any(&["already exists", "duplicate name"]) {
        RefusalKind::NameTaken
    } else if all(&["role"]) && any(&["not granted", "not been granted", "not assigned"]) {
        RefusalKind::RoleNotGranted
    } else if any(&["days_to_expiry", "expiry", "expiration"])
        && any(&["max", "exceed", "greater", "above", "range", "too l"])
    {
        RefusalKind::ExpiryTooLong
    } else if all(&["token"]) && any(&["limit", "maximum number", "too many tokens"]) {
        RefusalKind::LimitReached
    } else if all(&["user"]) && any(&["disabled", "locked"]) {
        RefusalKind::UserDisabled
    } else if any(&["policy", "role restriction", "role_restriction", "blocked role"]) {
        RefusalKind::Policy
    } else {
        RefusalKind::Other
    }
}

/// "Incoming request with IP/Token … is not allowed to access Snowflake."
const NETWORK_NOT_ALLOWED: &str = "390422";
/// "Network policy is required."
const NETWORK_POLICY_REQUIRED: &str = "390432";

/// The texts of both; no text of a statement's failure has them.
const NETWORK_TEXTS: [&str; 2] =
    ["Network policy is required", "is not allowed to access Snowflake"];

/// Token invalid (394400 stands for unknown, wrong user, expired, role not usable), wrong password, user disabled,
/// role or object unusable at login, method rejected by the authentication policy, judged as OAuth.
const SECRET_CODES: [&str; 9] =
    ["394400", "390100", "390101", "390186", "390189", "390201", "390202", "390303", "PAT_INVALID"];

/// Codes that say the login itself failed: wrong or expired credential, user disabled or locked, method
/// rejected by the authentication policy, role of the login not usable.
const LOGIN_CODES: [&str; 16] = [
    "390100", "390101", "390102", "390103", "390111", "390112", "390114", "390186", "390189",
    "390191", "390195", "390201", "390202", "390303", "390318", "394400",
];

#[cfg(test)]
mod tests {
    use patd_core::lifecycle::RefusalKind;

    use super::{is_missing_token, kind, refusal};

    #[test]
    fn a_code_decides_before_the_words() {
        let table = [
            ("003001", "SQL access control error: Insufficient privileges", RefusalKind::Privilege),
            ("002003", "User 'M' does not exist or not authorized.", RefusalKind::Privilege),
            ("002003", "Role 'R' does not exist or not authorized.", RefusalKind::RoleNotGranted),
            ("002002", "Object 'T' already exists.", RefusalKind::NameTaken),
            ("390144", "JWT token is invalid. [x]", RefusalKind::AdminLogin),
            ("394304", "fingerprint", RefusalKind::AdminLogin),
            ("390303", "Invalid OAuth access token. x", RefusalKind::AdminLogin),
            ("390202", "AUTHN_POLICY_AUTHN_ATTEMPT_REJECTED", RefusalKind::AdminLogin),
            ("390422", "Incoming request with IP/Token 1.2.3.4", RefusalKind::AdminNetwork),
            ("390432", "Network policy is required.", RefusalKind::AdminNetwork),
            ("390505", "Too many requests.", RefusalKind::Other),
            ("001003", "SQL compilation error: syntax error", RefusalKind::Other),
        ];
        for (code, message, expected) in table {
            assert_eq!(kind(code, message), expected, "{code} {message}");
        }
    }

    #[test]
    fn the_words_decide_where_no_code_is_known() {
        let table = [
            (
                "The maximum number of programmatic access tokens was reached",
                RefusalKind::LimitReached,
            ),
            ("User has reached the limit of 15 tokens", RefusalKind::LimitReached),
            ("Role 'R' is not granted to user 'U'", RefusalKind::RoleNotGranted),
            ("DAYS_TO_EXPIRY exceeds the maximum of 30", RefusalKind::ExpiryTooLong),
            ("A network policy is required to create a token", RefusalKind::Policy),
            ("ROLE_RESTRICTION is required for users of type SERVICE", RefusalKind::Policy),
            ("User 'U' is disabled", RefusalKind::UserDisabled),
            ("Programmatic access token T already exists", RefusalKind::NameTaken),
            ("Role 'LIMIT_TOKEN_POLICY' is odd", RefusalKind::Other),
            ("something new", RefusalKind::Other),
        ];
        for (message, expected) in table {
            assert_eq!(kind("099999", message), expected, "{message}");
        }
    }

    #[test]
    fn a_missing_user_is_not_a_missing_token() {
        assert!(is_missing_token("Programmatic access token T not found."));
        assert!(!is_missing_token("User 'U' does not exist or not authorized."));
    }

    #[test]
    fn a_token_in_a_refusal_is_masked() {
        let refusal = refusal("001003", "unexpected 'simpat_abc'", &[]);
        assert_eq!(refusal.message, "unexpected '[masked]'");
    }
}
