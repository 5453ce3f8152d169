from holdfast.kernels.formats.keras_names import CLASSES, FUNCTIONS


def test_layers_that_hold_code_are_not_listed() -> None:
    assert not {"Lambda", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer"} & CLASSES


def test_ordinary_parts_are_listed() -> None:
    assert {"Dense", "Sequential", "Functional", "GlorotUniform", "Adam", "DTypePolicy", "L2", "Embedding"} <= CLASSES
    assert {"relu", "mean_squared_error"} <= FUNCTIONS
