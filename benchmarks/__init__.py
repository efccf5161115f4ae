"""Speed, each script a table of ratios of two things run alternately. `make bench` runs them."""

from pipeline.quiet import import_tensorflow

import_tensorflow()
