//! P1 lines → telegram. stub
