//! Finds out whether the image can store the answers of a command. The type of an answer may implement none of the traits.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::event::AnswerCodec;
use crate::shape::Shape;

/// Holds the codec of the type `T`. If `T` implements the traits, the inherent constant takes precedence over the constant of
/// [`NoAnswer`].
///
/// Without the bound `Shape`, rustc would also choose the inherent constant for `&'static str`, and then report that its impl of
/// `Deserialize` is not general enough.
pub struct AnswerProbe<T>(PhantomData<T>);

impl<T: Shape + Serialize + DeserializeOwned> AnswerProbe<T> {
    /// How answers are stored.
    pub const CODEC: Option<AnswerCodec<T>> = Some(AnswerCodec::of());
}

/// Provides the constant for a type that lacks a trait. Every [`AnswerProbe`] implements this trait.
pub trait NoAnswer<T> {
    /// Answers are not stored.
    const CODEC: Option<AnswerCodec<T>> = None;
}

impl<T> NoAnswer<T> for AnswerProbe<T> {}
