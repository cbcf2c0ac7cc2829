//! Consistent overhead byte stuffing: frames without a zero byte, so that a zero can end them.

/// A frame without its closing zero.
pub fn encode(bytes: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(bytes.len() + 2);
    let mut runs = bytes.split(|byte| *byte == 0).peekable();
    while let Some(mut run) = runs.next() {
        while run.len() >= 254 {
            frame.push(255);
            frame.extend_from_slice(&run[..254]);
            run = &run[254..];
            // Nothing follows a full group at the very end.
            if run.is_empty() && runs.peek().is_none() {
                return frame;
            }
        }
        frame.push(run.len() as u8 + 1);
        frame.extend_from_slice(run);
    }
    frame
}

/// What was framed, or nothing where the frame is not one. `frame` comes without its closing zero.
pub fn decode(frame: &[u8]) -> Option<Vec<u8>> {
    let (mut bytes, mut rest) = (Vec::with_capacity(frame.len()), frame);
    while let Some((code, behind)) = rest.split_first() {
        let run = usize::from(*code).checked_sub(1)?;
        bytes.extend_from_slice(behind.get(..run)?);
        rest = &behind[run..];
        if *code < 255 && !rest.is_empty() {
            bytes.push(0);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_hold_no_zero_and_come_back() {
        for len in [0usize, 1, 2, 253, 254, 255, 508, 509, 1000] {
            for step in [0u8, 1, 7, 85] {
                let bytes: Vec<u8> =
                    (0..len).map(|place| (place as u8).wrapping_mul(step).wrapping_add(1)).collect();
                let frame = encode(&bytes);
                assert!(!frame.contains(&0), "{len} {step}");
                assert_eq!(decode(&frame), Some(bytes), "{len} {step}");
            }
        }
        assert_eq!(encode(&[0, 0]), [1, 1, 1]);
        assert_eq!(
            (encode(&[7; 254]).len(), encode(&[7; 255]).len()),
            (255, 257),
            "nothing follows a full group"
        );
        assert_eq!(encode(&[0x11, 0, 0x22]), [2, 0x11, 2, 0x22]);
    }

    #[test]
    fn half_a_frame_is_none() {
        assert_eq!(decode(&[5, 1, 2]), None);
        assert_eq!(decode(&[0]), None);
    }
}
