"""The counting pass on Spark: what each partition looks like is counted where it lies, and only profiles travel.

    DataFrame ──mapInArrow: Grids.count──> a profile each ──shuffle──> up to 16 sums ──> the driver adds them up

It is the pass of `engine.local`, batch by batch, so counts agree with it to the last bit. The DataFrame API alone is
used, no RDD and no Spark context, so that it also runs over Spark Connect.
"""
