//! `patctl audit verify`: proves a log, in the daemon's folder or in a copy, without the daemon.

use std::io::Read;
use std::path::Path;

use patd_audit::{Fault, Head, Log, Proof, What, heads_in};
use serde_json::{Value, json};

use crate::answer::{Answer, Exit, Failure};
use crate::cli::ProofArgs;
use crate::text::{counted, plain};

pub(crate) fn run(args: &ProofArgs) -> Result<Answer, Failure> {
    let folder = args.folder.as_path();
    let mut heads = args.heads.clone();
    if let Some(file) = &args.file {
        heads.extend(noted(file)?);
    }
    let log = Log::open(folder).map_err(|error| Failure::io("read", folder, &error))?;
    if log.is_empty() {
        let what = format!("there is no audit log in {}", folder.display());
        return Err(Failure::new(Exit::Failed, what, "name its folder: --folder DIR"));
    }
    let proof = log.prove(&heads).map_err(|error| Failure::io("read", folder, &error))?;
    Ok(Answer { text: text_of(folder, &proof), json: json_of(folder, &proof), exit: exit(&proof) })
}

/// Returns the heads in the lines of a file. None at all is a mistake, not a proof.
fn noted(file: &Path) -> Result<Vec<Head>, Failure> {
    let mut text = Vec::new();
    let read = match file == Path::new("-") {
        true => std::io::stdin().take(LONGEST_NOTES).read_to_end(&mut text),
        false => std::fs::File::open(file)
            .and_then(|file| file.take(LONGEST_NOTES).read_to_end(&mut text)),
    };
    read.map_err(|error| Failure::io("read", file, &error))?;
    let heads: Vec<Head> = heads_in(&String::from_utf8_lossy(&text)).collect();
    if heads.is_empty() {
        let what = format!("no SEQ:HASH is in {}", file.display());
        return Err(Failure::new(Exit::Usage, what, "see: journalctl -u patd -g 'Audit head'"));
    }
    Ok(heads)
}

/// What is wrong comes before what could not be seen.
fn exit(proof: &Proof) -> Exit {
    if let Some(fault) = &proof.fault {
        let is_unseen = matches!(fault.what, What::Later { .. });
        if is_unseen { Exit::Alarms } else { Exit::Failed }
    } else if proof.old > 0 || !proof.too_early.is_empty() {
        Exit::Alarms
    } else {
        Exit::Ok
    }
}

fn text_of(folder: &Path, proof: &Proof) -> String {
    let mut lines = vec![verdict(folder, proof)];
    if let (Some(first), Some(last)) = (proof.first, proof.last) {
        let (all, last_seq) = (counted_u64(proof.records, "line"), last.seq);
        lines.push(format!("records {first} to {last_seq} in {all}"));
        if first > 1 {
            lines.push(format!(
                "before record {first}: not here, so not checked (made room, or taken away)"
            ));
        }
    }
    if proof.old > 0 {
        let old = counted_u64(proof.old, "record");
        lines.push(format!("{old} of an older version, without a hash: only numbers are checked"));
    }
    if !proof.confirmed.is_empty() {
        lines.push(format!(
            "{} noted elsewhere: found as noted",
            counted(proof.confirmed.len(), "head")
        ));
    }
    if !proof.too_early.is_empty() {
        let heads = counted(proof.too_early.len(), "head");
        lines.push(format!(
            "{heads} noted elsewhere: of before record {}, not checked",
            proof.first.unwrap_or(1)
        ));
    }
    if let (None, Some(head)) = (&proof.fault, proof.last) {
        lines.push(format!("head {head}"));
    }
    lines.join("\n")
}

fn verdict(folder: &Path, proof: &Proof) -> String {
    match &proof.fault {
        None => format!("{}: every record follows from the one before it", folder.display()),
        Some(Fault { file, line, seq, what }) => {
            let record = seq.map(|seq| format!(", record {seq}")).unwrap_or_default();
            let at = format!("{}, line {line}{record}", folder.join(plain(file)).display());
            format!("{at}: {}: {what}", what.word())
        }
    }
}

fn json_of(folder: &Path, proof: &Proof) -> Value {
    let head = |head: &Head| json!(head.to_string());
    let fault = proof.fault.as_ref().map(|Fault { file, line, seq, what }| {
        json!({ "file": file, "line": line, "seq": seq, "what": what.word(), "message": what.to_string() })
    });
    json!({
        "folder": folder.display().to_string(),
        "whole": proof.fault.is_none(),
        "fault": fault,
        "lines": proof.records,
        "without_hash": proof.old,
        "first": proof.first,
        "head": proof.last.as_ref().map(head),
        "heads_found": proof.confirmed.iter().map(head).collect::<Vec<_>>(),
        "heads_not_checked": proof.too_early.iter().map(head).collect::<Vec<_>>(),
    })
}

fn counted_u64(count: u64, one: &str) -> String {
    counted(usize::try_from(count).unwrap_or(usize::MAX), one)
}

/// Of a journal of many years.
const LONGEST_NOTES: u64 = 256 << 20;
