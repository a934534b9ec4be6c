//! What scores come to.

use super::*;

fn score(name: &'static str, choices: &[usize]) -> Score {
    let mut score = Score::new(name);
    for choice in choices {
        let mut row = [0.0; 8];
        row[*choice] = 1.0;
        score.add(&row, 2);
    }
    score
}

fn accuracy(runtimes: Vec<Score>) -> Accuracy {
    let mut accuracy = Accuracy {
        file: "a.onnx".to_owned(),
        images: 3,
        runtimes,
    };
    accuracy.compare();
    accuracy
}

#[test]
fn the_first_runtime_that_ran_is_what_the_others_are_held_against() {
    let same = accuracy(vec![
        score("tract", &[2, 1, 7]),
        score("ort-cpu", &[2, 1, 7]),
    ]);
    assert_eq!(same.verdict(), Verdict::Agree);
    let mut failed = score("reference", &[2]);
    failed.fail(&Trouble::TimedOut { seconds: 1.0 });
    let other = vec![
        failed,
        score("tract", &[2, 1, 7]),
        score("ort-cpu", &[2, 2, 7]),
    ];
    let found = accuracy(other);
    let agreement = |place: usize| {
        let Agreement { rows, of } = found.runtimes[place].agreement;
        (rows, of)
    };
    assert_eq!((agreement(1), agreement(2)), ((3, 3), (2, 3)));
    let [one, two] = [1, 2].map(|place| found.runtimes[place].top1.rows);
    assert_eq!((one, two), (1, 2));
}

#[test]
fn what_did_not_run_or_chose_otherwise_is_no_pass() {
    let troubled = |trouble: &Trouble| {
        let mut failed = score("ort-cpu", &[]);
        failed.fail(trouble);
        accuracy(vec![score("tract", &[2]), failed]).verdict()
    };
    let message = || "no".to_owned();
    assert_eq!(
        troubled(&Trouble::Crashed { message: message() }),
        Verdict::Disagree
    );
    assert_eq!(
        troubled(&Trouble::Refused { message: message() }),
        Verdict::Disagree
    );
    let unavailable = Trouble::Unavailable {
        reason: message(),
        hints: Vec::new(),
    };
    assert_eq!(troubled(&unavailable), Verdict::Unavailable);
    let other = accuracy(vec![score("tract", &[2]), score("ort-cpu", &[1])]);
    assert_eq!(other.verdict(), Verdict::Disagree);
    assert_eq!(accuracy(Vec::new()).verdict(), Verdict::Unavailable);
}
