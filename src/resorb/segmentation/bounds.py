"""Every bound by which a segmented image is judged fit to be measured, each with its reason.

What was found is said with each: in 47 public scans, all of the training or validation part of `training/split.toml`,
and 18 simulated spines, outlined by model 1.0.0 or, where simulated, by their truth. `python -m benchmarks.robustness`
and `python -m benchmarks.confidence` measure it again: new weights need that.
"""

from __future__ import annotations

#: CSF to marrow: 80th percentile of the sac (roots and cord are in it) to the median of the bodies, row by row. CSF
#: has the longest T1 and T2 of all, so that it is the darker of the two where T1 weighs and the brighter where T2
#: does. Found: T1 0.49 to 0.78 (4 scans), simulated T1 0.55 to 0.61; T2 1.34 to 4.62.
T1_CSF_TO_MARROW = 1.0
FAINT_CSF_TO_MARROW = 1.25  # between the two: hardly T2-weighted, or proton density

#: Fat behind the sac to CSF of the same rows: where CSF is dark, this tells T1 (fat is the brightest of all) from
#: others. Found: T1 2.7 to 3.0, simulated T1 4.2 to 4.6; T2 0.63 to 1.62.
T1_FAT_TO_CSF = 2.0

#: Back muscle to marrow of the same rows. Marrow is half fat, so it is the brighter of the two unless fat is
#: suppressed. Found: TIRM 1.16, water images 1.25 to 1.52, simulated STIR 1.45 to 1.80; T2 0.12 to 0.94, T1 0.55 to
#: 0.84.
SUPPRESSED_MUSCLE_TO_MARROW = 1.06

#: From disc to disc (upper quartile of the levels seen) and from front to back (median). Cervical levels measure
#: about 17 and 17 mm, upper thoracic ones little more (from memory, unverified). Found: 26 to 42 and 28 to 41 mm; the
#: shortest is a collapsed spine. Where the sacrum is seen no spine is refused for being short.
MIN_STEP_MM, MAX_STEP_MM = 24.0, 55.0
#: Without a sacrum: below it lie T8 to T12 of an adult of middle size, and few lumbar spines.
DOUBTFUL_STEP_MM = 31.0
MIN_DEPTH_MM = 22.0
#: Body lies between two discs. Found: 0.9 of the way and more, mean of a scan; discs without bodies are no spine.
MIN_BODY_SHARE = 0.6
#: The column of somebody who lies in a scanner is upright within this. Found: up to 13 degrees.
MAX_TILT_DEGREES = 40.0
#: Share of discs that must have the sac behind them. Found: 0.75 and more.
MIN_SAC_BEHIND = 0.5

#: Metal: a voxel darker than this share of the marrow of its row holds no signal to speak of (cortical bone,
#: ligament, air, metal, and in 3D scans muscle now and then), and only metal is so over a circle of this radius at a
#: vertebra. Found: radius up to 4.2 mm, with painted screws 5.9 to 6.6 mm; voids about real pedicle screws are 10 to
#: 15 mm across (from memory, unverified).
VOID_SHARE = 0.12
MIN_VOID_RADIUS_MM = 5.0

#: The count of five lumbar bodies, by shape alone. Features: wedge (degrees) of the lowest body and of the next, and
#: logarithm of the fourth and fifth distance between discs from below, over the mean of the lowest three. Mean and
#: standard deviation: the public scans, of whom none is known to be transitional. Shift of the mean in spines with
#: four and six bodies: of 150 drawn simulated spines each. That real transitional spines shift likewise is
#: unverified.
FIVE_MEAN, FIVE_SD = (15.8, 7.3, -0.025, -0.074), (4.5, 5.0, 0.044, 0.054)
SHIFT_OF_FOUR, SHIFT_OF_SIX = (-6.8, -0.5, -0.075, -0.088), (-1.4, 7.3, 0.079, 0.099)
MAX_DEVIATION = 3.0  # of one feature, in standard deviations: a fractured body must not decide alone
#: Logarithm of the likelihood of five over that of four or six, below which the count is doubted. With all doubts
#: together 5 of 39 public T2 scans are doubted (a tenth may be), 1 of 8 simulated spines of five bodies, 7 of 8 of
#: four, 4 of 8 of six (model 2.0.0).
MIN_COUNT_EVIDENCE = -2.0
#: Depth of S1 at its lower end over that at its upper one: 1 is square. S1 tapers; a squared one is seen in
#: lumbarisation (Tokgoz 2014, doi 10.3348/kjr.2014.15.2.258: in every lumbarised S1). Found by model 2.0.0 in 44 scans:
#: 0.6 to 0.87, and 0.92, 0.98 and 1.24.
MAX_SQUARE_S1 = 0.95

#: Slope and offset from a disc's Soft Dice Confidence to the Dice found, by `python -m benchmarks.confidence` on the
#: validation subjects (23 discs, correlation 0.92). They belong to the embedded weights.
DICE_PER_CONFIDENCE = (1.61, -0.49)
