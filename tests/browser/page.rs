//! How the page looks and sorts, in light and dark, wide and narrow.

use crate::chromium::Chromium;
use crate::open;
use serde_json::Value;

/// Numbers of a column of the table of rows, as they are shown; none where a cell is empty.
fn column(browser: &Chromium, index: usize) -> Vec<Option<f64>> {
    let cells = browser.texts(&format!("#rows tbody td:nth-child({})", index + 1));
    let number = |text: &String| text.replace(',', "").parse().ok();
    cells.iter().map(number).collect()
}

fn sorts(browser: &Chromium) -> Vec<String> {
    let all =
        "[...document.querySelectorAll('#rows th')].map((one) => one.getAttribute('aria-sort'))";
    serde_json::from_value(browser.evaluate(all)).expect("texts")
}

#[test]
fn rows_are_sorted_by_a_click() {
    let browser = Chromium::start();
    let folder = tempfile::tempdir().expect("a folder");
    open(&browser, folder.path(), "plan --phi 0..7 --sweep depth=2,4");
    let names = browser.texts("#rows th button");
    assert_eq!(names[5], "MACs");
    let unsorted = column(&browser, 5);
    assert_eq!(unsorted.len(), 18);
    assert!(unsorted.iter().all(Option::is_some));
    assert!(!unsorted.is_sorted());

    browser.click("#rows th:nth-child(6) button");
    let ascending = column(&browser, 5);
    assert!(ascending.is_sorted(), "{ascending:?}");
    assert_eq!(sorts(&browser)[5], "ascending");
    // Rows stay whole: b0 has what it has.
    let first = browser.texts("#rows tbody tr:first-child td");
    assert_eq!(first[4..6], ["5,288,548", "385,814,752"]);

    browser.click("#rows th:nth-child(6) button");
    let descending = column(&browser, 5);
    assert!(
        descending.is_sorted_by(|one, other| one >= other),
        "{descending:?}"
    );
    assert_eq!(sorts(&browser)[5], "descending");

    // By key; what has no accuracy comes last in both orders.
    for is_order in [
        |one: &f64, other: &f64| one <= other,
        |one: &f64, other: &f64| one >= other,
    ] {
        browser.evaluate("document.querySelector('#rows th:last-child button').focus()");
        browser.press("Enter", 1);
        let shown = column(&browser, 9);
        let (known, unknown) = shown.split_at(8);
        let known: Vec<f64> = known
            .iter()
            .map(|value| value.expect("known first"))
            .collect();
        assert!(known.is_sorted_by(is_order), "{known:?}");
        assert!(unknown.iter().all(Option::is_none));
    }
    assert_eq!(sorts(&browser)[5], "none");
    assert_eq!(browser.faults(), Vec::<String>::new());
}

/// The least contrast of text with what is behind it, by the formula of WCAG 2.
const CONTRAST: &str = r"(() => {
  const light = (colour) => {
    const channels = colour.match(/[\d.]+/g).slice(0, 3).map((one) => one / 255);
    const [r, g, b] = channels.map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (one) => {
    const colour = getComputedStyle(one).backgroundColor;
    return /, 0\)$/.test(colour) ? behind(one.parentElement) : colour;
  };
  const texts = [...document.querySelectorAll('body *')].filter((one) => one.getClientRects().length > 0
    && !['SCRIPT', 'title'].includes(one.tagName) && [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()));
  const contrast = (one) => {
    const style = getComputedStyle(one);
    const [a, b] = [light(one instanceof SVGElement ? style.fill : style.color), light(behind(one))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  };
  return [texts.length, Math.min(...texts.map(contrast))];
})()";

#[test]
fn text_is_readable_in_light_and_dark() {
    let browser = Chromium::start();
    let folder = tempfile::tempdir().expect("a folder");
    open(&browser, folder.path(), "plan --phi 0..7 --sweep width=2,4");
    let mut backs = Vec::new();
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        backs.push(browser.evaluate("getComputedStyle(document.body).backgroundColor"));
        let found: (usize, f64) =
            serde_json::from_value(browser.evaluate(CONTRAST)).expect("a pair");
        assert!(found.0 > 250, "{found:?}");
        // What WCAG 2 asks of text at level AA.
        assert!(found.1 >= 4.5, "{scheme}: {found:?}");
    }
    assert_eq!(backs, ["rgb(255, 255, 255)", "rgb(13, 17, 23)"]);
    assert_eq!(browser.faults(), Vec::<String>::new());
}

#[test]
fn a_narrow_window_holds_everything() {
    let browser = Chromium::start();
    let folder = tempfile::tempdir().expect("a folder");
    open(
        &browser,
        folder.path(),
        "plan --phi 0..7 --sweep resolution=2,4",
    );
    for width in [1280, 420] {
        browser.resize(width);
        let beyond = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
        assert_eq!(browser.evaluate(beyond), 0, "wider than {width}");
        let smallest = "Math.min(...[...document.querySelectorAll('svg text')].map((one) => \
                        parseFloat(getComputedStyle(one).fontSize) * one.getScreenCTM().d))";
        // Rotated text has no such factor.
        let smallest = smallest.replace("svg text'", "svg text:not([transform])'");
        let pixels = browser.evaluate(&smallest).as_f64();
        assert!(pixels >= Some(10.0), "{pixels:?} at {width}");
        // No text reaches over the edge of its plot.
        let over = browser.evaluate(
            "[...document.querySelectorAll('svg text')].filter((one) => { \
               const [own, whole] = [one, one.closest('svg')].map((it) => it.getBoundingClientRect()); \
               return own.left < whole.left || own.right > whole.right || own.top < whole.top || own.bottom > whole.bottom; \
             }).map((one) => one.textContent)",
        );
        assert_eq!(over, Value::Array(Vec::new()), "at {width}");
    }
    let places: Vec<[f64; 4]> = (1..=4)
        .map(|index| browser.place(&format!(".plots svg:nth-child({index})")))
        .collect();
    assert!(
        places.iter().all(|place| place[0] == places[0][0]),
        "{places:?}"
    );
}
