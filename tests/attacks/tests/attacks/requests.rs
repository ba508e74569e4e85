//! Requests that are none: too large, doubled, piled up, chunked, cut off, of another protocol. All of them are made by
//! the user who may have the secret: the request alone is at fault (SECURITY.md: limits before the first byte).

use attacks::{Attempt, CONNECTION, Ground, OWNER, SOCKET, Table, body, send};

pub(crate) fn try_all(ground: &mut Ground, table: &mut Table) {
    let body = body(CONNECTION[0]);
    for (name, text) in malformed(&body) {
        // One request has one row of lines; the bucket of the uid refills meanwhile.
        let control = sent(ground, &whole(&body, ""));
        table.defended(&format!("a request with {name}"), sent(ground, &text), control);
    }
    pipelined(table, &body);
}

/// A request as it should be, with more lines in its head.
fn whole(body: &str, more: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST /v1/hand-out HTTP/1.1\r\nhost: patd\r\n{more}content-length: {length}\r\n\r\n{body}"
    );
    head.into_bytes()
}

fn malformed(body: &str) -> Vec<(&'static str, Vec<u8>)> {
    let length = body.len();
    let wide = format!("x: {}\r\n", "y".repeat(9 * 1024));
    let many: String = (0..40).map(|number| format!("x-{number}: y\r\n")).collect();
    let padded = format!("{}{body}", " ".repeat(9 * 1024));
    let chunked = format!(
        "POST /v1/hand-out HTTP/1.1\r\nhost: patd\r\ntransfer-encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"
    );
    let doubled = format!("{}{}", &body[..length - 1], ",\"connection\":\"miguel_cli\"}");
    let uid = format!("{}{}", &body[..length - 1], ",\"uid\":0}");
    let deep = format!("{{\"connection\":{}1{}}}", "[".repeat(3000), "]".repeat(3000));
    let text = |text: String| text.into_bytes();
    vec![
        ("a head of more than 8 KiB", whole(body, &wide)),
        ("more than 32 lines in its head", whole(body, &many)),
        ("a body of more than 8 KiB", whole(&padded, "")),
        (
            "a length of 10 GiB",
            text(format!(
                "POST /v1/hand-out HTTP/1.1\r\nhost: patd\r\ncontent-length: 10737418240\r\n\r\n{body}"
            )),
        ),
        ("two lengths that differ", whole(body, "content-length: 2\r\n")),
        (
            "a negative length",
            text(format!(
                "POST /v1/hand-out HTTP/1.1\r\nhost: patd\r\ncontent-length: -1\r\n\r\n{body}"
            )),
        ),
        ("a chunked body", chunked.clone().into_bytes()),
        ("a chunked body and a length", whole(body, "transfer-encoding: chunked\r\n")),
        ("a body that is cut off", {
            let mut cut = whole(body, "");
            cut.truncate(cut.len() - 1);
            cut
        }),
        ("a head that is cut off", text("POST /v1/hand-out HTTP/1.1\r\nhost: patd\r\n".into())),
        ("a key twice", whole(&doubled, "")),
        ("a key that it does not have", whole(&uid, "")),
        ("a list in the place of its keys", whole("[\"miguel_cli\"]", "")),
        ("three thousand brackets", whole(&deep, "")),
        ("a zero byte in its head", whole(body, "x: a\0b\r\n")),
        ("a folded line in its head", whole(body, "x: a\r\n b\r\n")),
        ("a space before a colon", whole(body, "x : a\r\n")),
        (
            "line feeds alone",
            text(format!(
                "POST /v1/hand-out HTTP/9.9\nhost: patd\ncontent-length: {length}\n\n{body}"
            )),
        ),
        (
            "another method",
            text(format!(
                "PUT /v1/hand-out HTTP/1.1\r\nhost: patd\r\ncontent-length: {length}\r\n\r\n{body}"
            )),
        ),
        (
            "a path that has to be tidied up",
            text(format!(
                "POST /v1/../v1/hand-out HTTP/1.1\r\nhost: patd\r\ncontent-length: {length}\r\n\r\n{body}"
            )),
        ),
        ("the opening of HTTP/2", text(format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{body}"))),
        ("no protocol", text(format!("POST /v1/hand-out\r\n\r\n{body}"))),
        ("a wish to speak another protocol", {
            text(format!(
                "CONNECT /v1/hand-out HTTP/1.1\r\nhost: patd\r\nupgrade: h2c\r\nconnection: upgrade\r\ncontent-length: {length}\r\n\r\n{body}"
            ))
        }),
    ]
}

/// A second request in the same breath: one connection has one answer.
fn pipelined(table: &mut Table, body: &str) {
    let (one, mut two) = (whole(body, ""), whole(body, ""));
    two.extend_from_slice(&one);
    let answers =
        |text: &[u8]| reply(text).windows(9).filter(|bytes| *bytes == b"HTTP/1.1 ").count();
    let (of_two, of_one) = (answers(&two), answers(&one) + answers(&one));
    table.defended(
        "two requests in one connection (the first has its answer)",
        Attempt::new(of_two > 1, format!("{of_two} answer")),
        Attempt::new(of_one == 2, format!("{of_one} answers on two connections")),
    );
}

fn sent(ground: &Ground, text: &[u8]) -> Attempt {
    Attempt::at_secret(&ground.world, &reply(text))
}

fn reply(text: &[u8]) -> Vec<u8> {
    send(OWNER, SOCKET, text)
}
