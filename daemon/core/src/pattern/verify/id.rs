//! The stable ids of the checks: the words of `freeze_on`, of alarms and of the documentation.

/// A check, by what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    /// The user is there.
    UserExists,
    /// It is of TYPE SERVICE.
    ServiceType,
    /// It is not disabled.
    Enabled,
    /// Its default role is the one role.
    DefaultRole,
    /// It has no default secondary roles.
    NoSecondaryRoles,
    /// It has no password.
    NoPassword,
    /// It has no key pair.
    NoKeyPair,
    /// It has no workload identity.
    NoWorkloadIdentity,
    /// It holds exactly the one role.
    OneRole,
    /// It holds no privilege of its own, beside its role.
    NoDirectPrivilege,
    /// Each of its tokens is bound to a role.
    TokensRestricted,
    /// Each of its tokens is bound to the one role.
    TokensOfTheRole,
    /// Each of its tokens was made by PAT Broker.
    NoForeignToken,
    /// Only brokers and the owner may make tokens for it.
    Minters,
    /// The role is there.
    RoleExists,
    /// The role can make no token, user, role or policy, and grant nothing.
    RoleCannotMint,
    /// The role inherits no other role.
    RoleInheritsNothing,
    /// The role has no privilege that is not declared.
    RoleNothingMore,
    /// The role has every privilege that is declared.
    RoleAsDeclared,
    /// Nobody else holds the role.
    RoleHolders,
    /// The role may use Cortex.
    ReachesCortex,
    /// The wanted network policy is the user's own.
    NetworkPolicy,
    /// The network policy lets in what is wanted, and nothing more.
    NetworkSources,
    /// The wanted authentication policy governs the user.
    TokenPolicy,
    /// That policy admits tokens and nothing else.
    TokensOnly,
    /// That policy demands a role of each token.
    RestrictionRequired,
    /// That policy gives tokens the wanted life.
    TokenLife,
    /// That policy holds tokens to the network policy.
    NetworkEnforced,
    /// No token may be bound to a blocked role.
    BlockedRoles,
    /// The policy for all persons is ours.
    PersonsPolicy,
    /// The policy for all service users is ours.
    ServicesPolicy,
    /// Every person user is barred from tokens.
    PersonsBarred,
    /// No person user has a live token.
    PersonsTokens,
    /// The broker's key is its only way in.
    BrokerKeyOnly,
    /// The broker has no more than one key.
    BrokerOneKey,
    /// The broker has no token.
    BrokerNoToken,
    /// The broker's role may manage the tokens of each registered user.
    BrokerManages,
    /// The broker's role may do nothing else.
    BrokerLeast,
    /// A login with the token is the service user.
    LoginUser,
    /// A login with the token has the one role.
    LoginRole,
    /// A login with the token has no secondary roles.
    LoginNoSecondaryRoles,
    /// A session cannot take another role.
    NoRoleSwitch,
    /// A session cannot take secondary roles.
    NoSecondarySwitch,
    /// A login cannot ask for another role.
    NoOtherRoleLogin,
}

impl Id {
    /// Every check there is.
    pub const ALL: [Self; 44] = [
        Self::UserExists,
        Self::ServiceType,
        Self::Enabled,
        Self::DefaultRole,
        Self::NoSecondaryRoles,
        Self::NoPassword,
        Self::NoKeyPair,
        Self::NoWorkloadIdentity,
        Self::OneRole,
        Self::NoDirectPrivilege,
        Self::TokensRestricted,
        Self::TokensOfTheRole,
        Self::NoForeignToken,
        Self::Minters,
        Self::RoleExists,
        Self::RoleCannotMint,
        Self::RoleInheritsNothing,
        Self::RoleNothingMore,
        Self::RoleAsDeclared,
        Self::RoleHolders,
        Self::ReachesCortex,
        Self::NetworkPolicy,
        Self::NetworkSources,
        Self::TokenPolicy,
        Self::TokensOnly,
        Self::RestrictionRequired,
        Self::TokenLife,
        Self::NetworkEnforced,
        Self::BlockedRoles,
        Self::PersonsPolicy,
        Self::ServicesPolicy,
        Self::PersonsBarred,
        Self::PersonsTokens,
        Self::BrokerKeyOnly,
        Self::BrokerOneKey,
        Self::BrokerNoToken,
        Self::BrokerManages,
        Self::BrokerLeast,
        Self::LoginUser,
        Self::LoginRole,
        Self::LoginNoSecondaryRoles,
        Self::NoRoleSwitch,
        Self::NoSecondarySwitch,
        Self::NoOtherRoleLogin,
    ];

    /// Returns the id as it is written everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UserExists => "user-exists",
            Self::ServiceType => "service-type",
            Self::Enabled => "enabled",
            Self::DefaultRole => "default-role",
            Self::NoSecondaryRoles => "no-secondary-roles",
            Self::NoPassword => "no-password",
            Self::NoKeyPair => "no-key-pair",
            Self::NoWorkloadIdentity => "no-workload-identity",
            Self::OneRole => "one-role",
            Self::NoDirectPrivilege => "no-direct-privilege",
            Self::TokensRestricted => "tokens-restricted",
            Self::TokensOfTheRole => "tokens-of-the-role",
            Self::NoForeignToken => "no-foreign-token",
            Self::Minters => "minters",
            Self::RoleExists => "role-exists",
            Self::RoleCannotMint => "role-cannot-mint",
            Self::RoleInheritsNothing => "role-inherits-nothing",
            Self::RoleNothingMore => "role-nothing-more",
            Self::RoleAsDeclared => "role-as-declared",
            Self::RoleHolders => "role-holders",
            Self::ReachesCortex => "reaches-cortex",
            Self::NetworkPolicy => "network-policy",
            Self::NetworkSources => "network-sources",
            Self::TokenPolicy => "token-policy",
            Self::TokensOnly => "tokens-only",
            Self::RestrictionRequired => "restriction-required",
            Self::TokenLife => "token-life",
            Self::NetworkEnforced => "network-enforced",
            Self::BlockedRoles => "blocked-roles",
            Self::PersonsPolicy => "persons-policy",
            Self::ServicesPolicy => "services-policy",
            Self::PersonsBarred => "persons-barred",
            Self::PersonsTokens => "persons-tokens",
            Self::BrokerKeyOnly => "broker-key-only",
            Self::BrokerOneKey => "broker-one-key",
            Self::BrokerNoToken => "broker-no-token",
            Self::BrokerManages => "broker-manages",
            Self::BrokerLeast => "broker-least",
            Self::LoginUser => "login-user",
            Self::LoginRole => "login-role",
            Self::LoginNoSecondaryRoles => "login-no-secondary-roles",
            Self::NoRoleSwitch => "no-role-switch",
            Self::NoSecondarySwitch => "no-secondary-switch",
            Self::NoOtherRoleLogin => "no-other-role-login",
        }
    }

    /// Reads an id.
    pub fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|id| id.as_str() == text)
    }
}
