//! Recipes for an application: a problem, an example, the rule, and what to avoid.
//!
//! They were learnt from `examples/conduit`, a blog with the API of the project RealWorld, whose state is one image. The chapters of the
//! guide explain the features that the recipes use.
//!
//! | recipe | question |
//! | --- | --- |
//! | [indexes](model#indexes) | How is a thing found by something else than its id? |
//! | [unique values](model#unique-values) | How does a name belong to one user only? |
//! | [references](model#references) | What must a deletion clean up? |
//! | [times](model#times) | Why do two changes have the same time? |
//! | [several changes as one command](commands#several-changes-as-one-command) | How does a form change several fields? |
//! | [valid values](commands#valid-values) | Where are values checked, if the rules become stricter? |
//! | [rules that change](commands#rules-that-change) | What must not be computed in a body? |
//! | [retries](commands#retries) | How does a service use request keys? |
//! | [long reads](queries#long-reads) | What reads the whole model? |
//! | [pages of a list](queries#pages-of-a-list) | How is a part of a list shown, the newest first? |
//! | [secrets](secrets#secrets) | Where are passwords and keys? |
//! | [personal data](secrets#personal-data) | What does a service do when a user leaves? |
//! | [mails and other effects](effects#mails-and-other-effects) | What does a handler of events look like? |
//! | [scheduled work](effects#scheduled-work) | How is something done at a time? |
//! | [many tenants](operation#many-tenants) | One image, or many? |
//! | [tests](operation#tests) | What is tested, and with what? |
//! | [deployment and upgrades](operation#deployment-and-upgrades) | In which order is a new version deployed? |
//! | [backups](operation#backups) | What is backed up, and how is it tried? |

pub mod model;
pub mod commands;
pub mod queries;
pub mod secrets;
pub mod effects;
pub mod operation;
