//! Numbers about the daemon, as the admin socket carries them, and the two texts that monitoring systems read. Which
//! numbers there are is the daemon's to say; no secret and no local user is among them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Everything that is counted or measured, at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metrics {
    /// By name.
    pub families: Vec<Family>,
}

/// Samples of one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Family {
    /// Its name, without `_total` or `_info`.
    pub name: String,
    /// What kind of number it is.
    pub kind: Kind,
    /// The unit, which the name ends in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What it says, in a sentence.
    pub help: String,
    /// The numbers; none if there is nothing to count.
    pub samples: Vec<Sample>,
}

/// What kind of number a family has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only goes up, until the daemon is started anew.
    Counter,
    /// Always 1; the labels say something.
    Info,
}

/// One number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// What it is the number of.
    pub labels: BTreeMap<String, String>,
    /// The number.
    pub value: i64,
}

/// How the numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenMetrics 1.0, as scrapers take it (`OPENMETRICS` is its content type).
    OpenMetrics,
    /// The older text of Prometheus: all that the textfile collector of node_exporter reads. It knows neither units
    /// nor the kind "info", and has `_total` in a counter's own name.
    Prometheus,
}

/// The content type of [`Dialect::OpenMetrics`].
pub const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl Metrics {
    /// Returns what there is to say where no daemon answers: that none does.
    pub fn of_no_daemon() -> Self {
        Self { families: vec![ready(false)] }
    }

    /// Returns the text that a monitoring system reads, whole lines.
    pub fn text(&self, dialect: Dialect) -> String {
        let mut text: String = self.families.iter().map(|family| family.text(dialect)).collect();
        if dialect == Dialect::OpenMetrics {
            text.push_str("# EOF\n");
        }
        text
    }
}

/// Returns whether a broker serves, as the one number that is there in any case.
pub fn ready(is_ready: bool) -> Family {
    Family {
        name: "patd_ready".to_owned(),
        kind: Kind::Gauge,
        unit: None,
        help: "Whether the daemon serves: 1, or 0.".to_owned(),
        samples: vec![Sample { labels: BTreeMap::new(), value: i64::from(is_ready) }],
    }
}

impl Family {
    /// Returns the name that its samples have.
    pub fn sample_name(&self) -> String {
        let suffix = match self.kind {
            Kind::Gauge => "",
            Kind::Counter => "_total",
            Kind::Info => "_info",
        };
        format!("{}{suffix}", self.name)
    }

    fn text(&self, dialect: Dialect) -> String {
        let sample_name = self.sample_name();
        let (name, kind) = match (dialect, self.kind) {
            (Dialect::OpenMetrics, Kind::Gauge) => (&self.name, "gauge"),
            (Dialect::OpenMetrics, Kind::Counter) => (&self.name, "counter"),
            (Dialect::OpenMetrics, Kind::Info) => (&self.name, "info"),
            (Dialect::Prometheus, Kind::Gauge | Kind::Info) => (&sample_name, "gauge"),
            (Dialect::Prometheus, Kind::Counter) => (&sample_name, "counter"),
        };
        let mut text = format!("# TYPE {name} {kind}\n");
        if let (Dialect::OpenMetrics, Some(unit)) = (dialect, &self.unit) {
            text.push_str(&format!("# UNIT {name} {unit}\n"));
        }
        text.push_str(&format!("# HELP {name} {}\n", escaped(&self.help)));
        for Sample { labels, value } in &self.samples {
            text.push_str(&format!("{sample_name}{} {value}\n", braced(labels)));
        }
        text
    }
}

fn braced(labels: &BTreeMap<String, String>) -> String {
    let label = |(name, value): (&String, &String)| format!("{name}=\"{}\"", escaped(value));
    let labels: Vec<String> = labels.iter().map(label).collect();
    if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) }
}

/// Names come from files and from Snowflake: none ends its line or its quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics() -> Metrics {
        let labelled = |name: &str, text: &str, value| Sample {
            labels: BTreeMap::from([(name.to_owned(), text.to_owned())]),
            value,
        };
        let family = |name: &str, kind, unit: Option<&str>, samples| Family {
            name: name.to_owned(),
            kind,
            unit: unit.map(str::to_owned),
            help: format!("What {name} says."),
            samples,
        };
        let families = vec![
            family("patd_build", Kind::Info, None, vec![labelled("version", "0.1.0", 1)]),
            family(
                "patd_life_seconds",
                Kind::Gauge,
                Some("seconds"),
                vec![labelled("connection", "a\\b\"c\nd", -5)],
            ),
            family("patd_hand_outs", Kind::Counter, None, vec![labelled("connection", "größe", 7)]),
            family("patd_alarms", Kind::Gauge, None, vec![]),
        ];
        Metrics { families }
    }

    #[test]
    fn openmetrics_has_units_suffixes_on_samples_only_and_an_end() {
        let expected = r#"# TYPE patd_build info
# HELP patd_build What patd_build says.
patd_build_info{version="0.1.0"} 1
# TYPE patd_life_seconds gauge
# UNIT patd_life_seconds seconds
# HELP patd_life_seconds What patd_life_seconds says.
patd_life_seconds{connection="a\\b\"c\nd"} -5
# TYPE patd_hand_outs counter
# HELP patd_hand_outs What patd_hand_outs says.
patd_hand_outs_total{connection="größe"} 7
# TYPE patd_alarms gauge
# HELP patd_alarms What patd_alarms says.
# EOF
"#;
        assert_eq!(metrics().text(Dialect::OpenMetrics), expected);
    }

    #[test]
    fn the_older_text_has_no_unit_no_info_and_no_end() {
        let text = metrics().text(Dialect::Prometheus);

        assert!(
            text.starts_with("# TYPE patd_build_info gauge\n# HELP patd_build_info "),
            "{text}"
        );
        assert!(text.contains("# TYPE patd_hand_outs_total counter\n"), "{text}");
        assert!(!text.contains("# UNIT") && !text.contains("# EOF"), "{text}");
        let samples = |text: &str| -> Vec<String> {
            text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
        };
        assert_eq!(samples(&text), samples(&metrics().text(Dialect::OpenMetrics)));
    }

    #[test]
    fn where_no_daemon_answers_the_text_says_that() {
        let text = Metrics::of_no_daemon().text(Dialect::Prometheus);
        assert!(text.ends_with("\npatd_ready 0\n"), "{text}");
    }
}
