//! What every verb says of itself, and how a mistake ends.

mod world;

use world::World;

#[test]
fn every_help_shows_the_exit_codes_and_a_mistake_ends_with_64() {
    let world = World::new();
    // Those of the first hour, and one of a verb's own, so that another form of the overview does not empty the list.
    let all = every_verb(&world, &[]);
    for verb in ["init", "add", "bootstrap", "status", "doctor", "audit verify"] {
        assert!(all.iter().any(|found| found.join(" ") == verb), "{verb} is in no overview");
    }

    for verb in all {
        let words: Vec<&str> = verb.iter().map(String::as_str).collect();
        let shown = world.patctl(&[&words[..], &["--help"]].concat());
        assert_eq!(shown.exit, 0);
        for code in ["  0   done", "  2   there are alarms", "  64  ", "  69  ", "  77  ", "  78  "]
        {
            assert!(shown.out.contains(code), "{words:?}: {}", shown.out);
        }
        assert_eq!(world.patctl(&[&words[..], &["--no-such-flag"]].concat()).exit, 64, "{words:?}");
    }
    assert_eq!(world.patctl(&["no-such-verb"]).exit, 64);
    assert!(world.patctl(&["--version"]).out.starts_with("patctl "));
}

/// The verbs below one, and theirs.
fn every_verb(world: &World, above: &[String]) -> Vec<Vec<String>> {
    let mut words: Vec<&str> = above.iter().map(String::as_str).collect();
    words.push("--help");
    let overview = world.patctl(&words).out;
    let mut found = Vec::new();
    for verb in verbs(&overview) {
        let verb = [above, &[verb.to_owned()]].concat();
        found.extend(every_verb(world, &verb));
        found.push(verb);
    }
    found
}

/// The verbs of an overview, without `help` itself.
fn verbs(overview: &str) -> Vec<&str> {
    let lines = overview.lines().skip_while(|line| *line != "Commands:").skip(1);
    let of_verbs = lines.take_while(|line| line.starts_with("  "));
    of_verbs.filter_map(|line| line.split_whitespace().next()).filter(|v| *v != "help").collect()
}
