; everything is in input.ll
