//! The frame of all pages.

use axum::response::Html;
use maud::{DOCTYPE, Markup, html};

/// The pages in the menu: the address and the label.
const MENU: [(&str, &str); 4] = [("log", "Log"), ("state", "State"), ("shapes", "Shapes"), ("health", "Health")];

/// What a page shows around its content.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    /// The name of the image's model.
    pub(crate) model: &'a str,
    /// Whether the program is known, so that there are states.
    pub(crate) has_states: bool,
    /// The address of the page in the menu to which this page belongs.
    pub(crate) menu: &'a str,
    pub(crate) title: &'a str,
}

impl Frame<'_> {
    pub(crate) fn page(self, content: &Markup) -> Html<String> {
        let menu = MENU.iter().filter(|(page, _)| self.has_states || *page != "state");
        document(
            &format!("{} · {}", self.title, self.model),
            &html! {
                header {
                    strong.model { (self.model) }
                    nav {
                        @for (page, label) in menu {
                            a href=(page) aria-current=[(*page == self.menu).then_some("page")] { (label) }
                        }
                    }
                }
                main { (content) }
            },
        )
    }
}

/// An HTML document.
pub(crate) fn document(title: &str, body: &Markup) -> Html<String> {
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="stylesheet" href="style.css";
                link rel="icon" href="data:,";
                script src="script.js" defer {}
            }
            body { (body) }
        }
    };
    Html(document.into_string())
}
