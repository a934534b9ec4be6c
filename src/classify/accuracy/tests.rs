//! Labels of pictures, and what scores come to.

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

fn report(runtimes: Vec<Score>) -> Report {
    let mut report = Report {
        schema: SCHEMA,
        file: "a.onnx".to_owned(),
        images: 3,
        runtimes,
    };
    report.compare();
    report
}

#[test]
fn the_first_runtime_that_ran_is_what_the_others_are_held_against() {
    let same = report(vec![
        score("tract", &[2, 1, 7]),
        score("ort-cpu", &[2, 1, 7]),
    ]);
    assert_eq!(same.status(), Status::Done);
    let mut failed = score("reference", &[2]);
    failed.fail(&Trouble::TimedOut { seconds: 1.0 });
    let other = vec![
        failed,
        score("tract", &[2, 1, 7]),
        score("ort-cpu", &[2, 2, 7]),
    ];
    let report = report(other);
    let agreement = |place: usize| {
        let Agreement { rows, of } = report.runtimes[place].agreement;
        (rows, of)
    };
    assert_eq!((agreement(1), agreement(2)), ((3, 3), (2, 3)));
    let [one, two] = [1, 2].map(|place| report.runtimes[place].top1.rows);
    assert_eq!((one, two), (1, 2));
    assert!(report.render().contains("top-1 2/3 (66.67 %)"));
}

#[test]
fn what_did_not_run_or_chose_otherwise_is_no_pass() {
    let troubled = |trouble: &Trouble| {
        let mut failed = score("ort-cpu", &[]);
        failed.fail(trouble);
        report(vec![score("tract", &[2]), failed]).status()
    };
    let message = || "no".to_owned();
    assert_eq!(
        troubled(&Trouble::Crashed { message: message() }),
        Status::Disagrees
    );
    assert_eq!(
        troubled(&Trouble::Refused { message: message() }),
        Status::Disagrees
    );
    let unavailable = Trouble::Unavailable {
        reason: message(),
        hints: Vec::new(),
    };
    assert_eq!(troubled(&unavailable), Status::Unavailable);
    let other = report(vec![score("tract", &[2]), score("ort-cpu", &[1])]);
    assert_eq!(other.status(), Status::Disagrees);
    assert_eq!(report(Vec::new()).status(), Status::Unavailable);
}
