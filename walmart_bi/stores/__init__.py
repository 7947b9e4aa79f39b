"""Object stores: where delivered, published and quarantined files live. `base.py` says what every store promises."""
