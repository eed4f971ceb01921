//! Properties of streams and of what travels in them.
