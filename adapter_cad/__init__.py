"""Printed adapters that put a phone's camera on an ocular's axis; imports nothing else of this project.

    from adapter_cad.catalogue import ocular, phone, printer, second_reading
    from adapter_cad.check import check
    from adapter_cad.design import design

    adapter = design(phone("galaxy-s5"), ocular("olympus-cx18-10x"), printer("creality-ender-3"))
    assert check(adapter, second=second_reading("galaxy-s5")).ok

Nothing is imported here, so that the command line learns of a `BadDesign` without loading a mesh library.
"""
