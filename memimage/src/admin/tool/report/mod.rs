//! What the verbs find out about an image, as data. Verbs print it, with `--json` in the form that `docs/CLI.md` defines.

mod image;
mod shapes;
mod states;
mod stats;

pub use image::{ImageInfo, ParentInfo, SubscriptionPosition};
pub use shapes::EventShape;
pub use states::StateFile;
pub use stats::{Count, EventCounter, EventFigures, EventStats};
