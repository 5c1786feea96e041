"""Constants of cells out of the sums of a pass, monitoring, and the pages that show both."""
