//! The page as a whole: nothing from an export is markup, nothing inline is without its hash, nothing is fetched.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::super::tests::{Fixture, HOSTILE};
use super::*;

fn page(fixture: &Fixture) -> String {
    let mut bytes = Vec::new();
    Html.write(&fixture.view(), &mut bytes).expect("a vector takes all");
    String::from_utf8(bytes).expect("text")
}

/// What stands between two texts, each time.
fn between<'t>(text: &'t str, open: &str, close: &str) -> Vec<&'t str> {
    text.split(open).skip(1).filter_map(|rest| rest.split(close).next()).collect()
}

#[test]
fn names_of_an_export_are_text_wherever_they_stand() {
    let page = page(&Fixture::hostile());
    // The only scripts are data and the one at the end, the only style is the page's.
    assert_eq!(page.matches("</script>").count(), page.matches("<script").count());
    assert_eq!(page.matches("<script>").count(), 1);
    assert_eq!(page.matches("<style").count(), 1);
    for forbidden in ["<img", "onerror=\"", "<b>", "javascript:", "<iframe"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(page.contains("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;"), "the name is shown as it is");
    assert!(!page.contains(HOSTILE), "raw");
    assert!(!page.contains(|c| super::super::escape::is_unsafe(c) && c != '\n'));
    for data in between(&page, "<script type=\"application/json\">", "</script>") {
        let value: serde_json::Value = serde_json::from_str(data).expect("JSON");
        assert!(value["n"].is_u64() && !data.contains('<'), "{data}");
    }
}

#[test]
fn the_policy_allows_what_is_inline_by_its_hash_and_nothing_else() {
    let page = page(&Fixture::full());
    let policy = between(&page, "Content-Security-Policy\" content=\"", "\"")[0];
    for (tag, directive) in [("<style>", "style-src "), ("<script>", "script-src ")] {
        let content = between(&page, tag, &tag.replace('<', "</"))[0];
        let hash = STANDARD.encode(Sha256::digest(content.as_bytes()));
        assert!(policy.contains(&format!("{directive}'sha256-{hash}'")), "{directive}: {policy}");
    }
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
    // Neither handlers nor styles in attributes, which the policy would refuse, and nothing to fetch.
    let markup: String = between(&format!(">{page}"), ">", "<script").join("");
    for attribute in [" style=\"", " onclick=", " onload=", " src=\"", " href=\"http", "url(", "@import"] {
        assert!(!markup.contains(attribute), "{attribute}");
    }
    for code in [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
        "fetch(",
        "XMLHttpRequest",
    ] {
        assert!(!SCRIPT.contains(code), "{code}");
    }
    assert!(!SCRIPT.contains("</") && !STYLE.contains("</"), "nothing embedded ends its own element");
}

#[test]
fn every_section_is_there_with_its_heading_and_its_link() {
    let page = page(&Fixture::full());
    for (id, title, _) in SECTIONS {
        assert!(page.contains(&format!("<a href=\"#{id}\">{title}</a>")), "{id}");
        assert!(page.contains(&format!("<h2 id=\"{id}-title\">{title}</h2>")), "{id}");
    }
    assert_eq!(page.matches("<section ").count(), page.matches("</section>").count());
    assert_eq!(page.matches("<section ").count(), SECTIONS.len());
    assert_eq!(page.matches("<table").count(), page.matches("</table>").count());
    assert!(page.matches("<caption").count() == page.matches("<table").count(), "every table has a caption");
}

#[test]
fn a_card_has_value_interval_change_and_coverage_and_unknown_is_said() {
    let page = page(&Fixture::full());
    let cards = between(&page, "<li class=\"card\">", "</li>");
    // 66.7 % now against 33.3 % before, lower is better.
    let exposure = cards.iter().find(|card| card.contains("reach what is protected")).expect("a card");
    assert!(exposure.contains(">66.7 %<") && exposure.contains("66.7 to 100.0 %"), "{exposure}");
    assert!(exposure.contains("+33.4 points, worse") && exposure.contains("coverage 50 %"), "{exposure}");
    let unknown = cards.iter().find(|card| card.contains("older than 90 days")).expect("a card");
    assert!(unknown.contains("not measured") && unknown.contains("coverage 0 %"), "{unknown}");
    assert!(!unknown.contains(">0.0 %<"), "unknown is not zero: {unknown}");
}

#[test]
fn a_path_is_drawn_with_a_box_for_each_entity_and_told_with_its_statement() {
    let page = page(&Fixture::full());
    let path = between(&page, "<details class=\"witness\" id=\"path-3\" open>", "</details>")[0];
    assert_eq!((path.matches("class=\"box").count(), path.matches("class=\"tip").count()), (2, 1), "{path}");
    assert!(path.contains("can become administrator of") && path.contains("Create an access key (iam-002)"), "{path}");
    assert!(path.contains("statement `Keys` of `inline` (iam.json, /RoleDetailList/0)"), "{path}");
}

#[test]
fn a_trend_has_its_limits_and_marks_what_is_outside() {
    let page = page(&Fixture::full());
    let chart = between(&page, "<svg class=\"chart\"", "</svg>");
    assert_eq!(chart.len(), 1);
    assert_eq!(chart[0].matches("<circle").count(), 3);
    assert_eq!(chart[0].matches("class=\"signal worse\"").count(), 1);
    assert_eq!(chart[0].matches("class=\"band\"").count(), 1);
    assert!(page.contains("drift since 2023-11-14; limits are provisional (3 of 20 points)"), "the verdict is words");
}

#[test]
fn an_empty_snapshot_is_a_page_too() {
    let empty = Fixture { material: crate::reports::material::Material::default(), ..Fixture::empty() };
    let page = page(&empty);
    assert!(page.contains("No rule found anything.") && page.contains("No principal was scored."));
    assert!(page.contains("Nobody outside the protected zone was counted."));
}
