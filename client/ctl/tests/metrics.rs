//! `patctl metrics`: what a scraper and node_exporter read, and what is left where no daemon answers.

mod world;

use pat_wire::metrics::{Dialect, Family, Kind, Metrics, Sample, ready};
use serde_json::{Value, json};

use world::{World, mode};

fn metrics() -> Metrics {
    let labels = [("connection".to_owned(), "miguel_cli".to_owned())].into();
    let hand_outs = Family {
        name: "patd_hand_outs".to_owned(),
        kind: Kind::Counter,
        unit: None,
        help: "Secrets that were handed out.".to_owned(),
        samples: vec![Sample { labels, value: 7 }],
    };
    Metrics { families: vec![ready(true), hand_outs] }
}

#[test]
fn on_standard_output_they_are_openmetrics_or_one_document() {
    let world = World::new();
    let daemon = world.daemon(200, json!(metrics()), 2);

    let text = world.patctl(&["metrics"]);
    let document = world.patctl(&["metrics", "--json"]);

    assert!(daemon.asked().iter().all(|asked| asked.what == "GET /v1/metrics"));
    assert_eq!((text.exit, text.err.as_str()), (0, ""));
    assert_eq!(text.out, metrics().text(Dialect::OpenMetrics));
    assert_eq!(serde_json::from_value::<Metrics>(document.json()).unwrap(), metrics());
}

#[test]
fn a_textfile_is_put_in_its_place_whole_and_readable_for_the_exporter() {
    let world = World::new();
    let (daemon, path) = (world.daemon(200, json!(metrics()), 2), world.path("patd.prom"));
    std::fs::write(&path, "old").unwrap();
    let path = path.to_str().unwrap();

    let written = world.patctl(&["metrics", "--textfile", path]);
    let document = world.patctl(&["metrics", "--textfile", path, "--json"]);

    assert_eq!(daemon.asked().len(), 2);
    assert_eq!((written.exit, mode(path.as_ref())), (0, 0o644), "{written:?}");
    assert_eq!(world.read("patd.prom"), metrics().text(Dialect::Prometheus));
    assert!(written.out.ends_with("patd.prom is written: 2 kinds of numbers\n"), "{written:?}");
    assert_eq!(document.json(), json!({ "written": path, "families": 2 }));
    let names = std::fs::read_dir(world.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    let left = names.filter(|name| name.to_string_lossy().contains("prom")).count();
    assert_eq!(left, 1, "nothing else is left for the exporter to read");
}

#[test]
fn where_no_daemon_answers_the_textfile_says_so_and_keeps_no_old_number() {
    let world = World::new();
    let path = world.path("patd.prom");
    std::fs::write(&path, metrics().text(Dialect::Prometheus)).unwrap();

    let shown = world.patctl(&["metrics", "--textfile", path.to_str().unwrap()]);
    let to_stdout = world.patctl(&["metrics"]);

    assert_eq!((shown.exit, to_stdout.exit), (69, 69), "{shown:?}");
    assert!(world.read("patd.prom").ends_with("\npatd_ready 0\n"));
    assert!(!world.read("patd.prom").contains("hand_outs"));
    assert!(to_stdout.out.is_empty() && to_stdout.err.contains("no broker"), "{to_stdout:?}");
}

#[test]
fn an_answer_that_says_no_leaves_the_textfile_as_it_is() {
    let world = World::new();
    let refusal = json!({ "code": "refused", "message": "refused" });
    let daemon = world.daemon(403, refusal, 1);
    std::fs::write(world.path("patd.prom"), "old").unwrap();

    let shown = world.patctl(&["metrics", "--textfile", world.path("patd.prom").to_str().unwrap()]);

    assert_eq!(daemon.asked().pop().map(|asked| asked.body), Some(Value::Null));
    assert_eq!((shown.exit, world.read("patd.prom").as_str()), (77, "old"), "{shown:?}");
}
