//! Kill tests: this binary runs itself as a child that works until it is killed.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::{MAIN, TestStore, assistant, begin, database, finish};
use crate::{Begun, Partial, RunStatus, Store};

const DIR: &str = "CLAWDBOT_STORE_TEST_DIR";

/// Not a test by itself: works on the store in `DIR`, printing what was acknowledged.
#[tokio::test]
#[ignore = "runs as the child of the kill test"]
async fn child() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let (store, _) = Store::open(&database(dir.as_ref())).unwrap();
    for n in 0_u64.. {
        let run = format!("{}-{n}", std::process::id());
        store.begin_run(begin(&run, &format!("ask {run}"))).await.unwrap();
        say(&format!("begun {run}"));
        for step in 1..=n % 4 {
            let partial = Partial { text: format!("{step} answer {run}"), thinking: None };
            store.journal(&run, partial).await.unwrap();
            say(&format!("kept {run} {step}"));
        }
        if n % 3 > 0 {
            store
                .finish_run(finish(&run, vec![assistant(&format!("9 answer {run}"))]))
                .await
                .unwrap();
            say(&format!("finished {run}"));
        }
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

/// Starts the child, kills it after `lines` acknowledgements, returns all it managed to print.
fn run_and_kill(dir: &std::path::Path, lines: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::crash::child", "--ignored", "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let acknowledged =
        |line: &String| ["begun ", "kept ", "finished "].iter().any(|word| line.starts_with(word));
    let mut printed: Vec<_> =
        output.by_ref().map(Result::unwrap).filter(acknowledged).take(lines).collect();
    child.kill().unwrap();
    // The last line may be cut short; it was never acknowledged as a whole.
    printed.extend(output.map_while(Result::ok).filter(acknowledged));
    child.wait().unwrap();
    printed
}

/// What was promised about each run: the newest kept step, and whether it finished.
#[derive(Default)]
struct Promise {
    step: u64,
    finished: bool,
}

fn promises(lines: &[String]) -> HashMap<String, Promise> {
    let mut promised: HashMap<String, Promise> = HashMap::new();
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        let promise = promised.entry(words[1].to_owned()).or_default();
        match words[0] {
            "kept" => promise.step = words[2].parse().unwrap(),
            "finished" => promise.finished = true,
            _ => {}
        }
    }
    promised
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_or_doubled_by_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let mut lines = Vec::new();
    for round in 0..20 {
        lines.extend(run_and_kill(dir.path(), 3 + round * 2));
    }
    let (store, recovery) = Store::open(&database(dir.path())).unwrap();
    assert!(recovery.quarantined.is_none());
    let store = TestStore { store, dir };
    let texts = store.texts(MAIN).await;
    let times = |text: &str| texts.iter().filter(|stored| stored.as_str() == text).count();
    let promised = promises(&lines);
    assert!(promised.len() >= 40, "only {} runs", promised.len());
    for (run, promise) in promised {
        assert_eq!(times(&format!("ask {run}")), 1, "{run}");
        let Begun::Finished(record) = store.begin_run(begin(&run, "again")).await.unwrap() else {
            panic!("{run} is neither finished nor interrupted");
        };
        let answers: Vec<_> =
            texts.iter().filter(|text| text.ends_with(&format!(" answer {run}"))).collect();
        assert!(answers.len() <= 1, "{run} was answered twice");
        let step = answers.first().map_or(0, |text| text[..1].parse::<u64>().unwrap());
        assert!(step >= promise.step, "{run}: kept {}, found {step}", promise.step);
        match record.status {
            RunStatus::Ok => assert_eq!(step, 9, "{run}"),
            status => assert!(status == RunStatus::Interrupted && !promise.finished, "{run}"),
        }
    }
}
