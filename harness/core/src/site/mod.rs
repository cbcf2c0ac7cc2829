//! What physics and the fitter leave open at a site: the missing L2, the transformer ratio, misplaced clamps.
