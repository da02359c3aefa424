//! SPICE netlists, in and out.
