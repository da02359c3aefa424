//! Messages.

use super::*;
