"""Write the samples beside this file.

Needs keras 3.15, tensorflow-cpu 2.21, h5py 3.14, safetensors 0.8 and gguf 0.19.
"""

import pickle
import shutil
from pathlib import Path

import gguf
import h5py
import keras
import numpy as np
import safetensors.numpy
import tensorflow as tf

HERE = Path(__file__).parent


@keras.saving.register_keras_serializable("mine")
class Custom(keras.layers.Layer):
    def call(self, inputs):
        return inputs


class ReadsFile(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def read(self, path):
        return tf.io.read_file(path)


def keras_models():
    dense = keras.Sequential(
        [keras.layers.Input((4,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(2)]
    )
    dense.compile("adam", "mse")
    dense.fit(np.zeros((8, 4)), np.zeros((8, 2)), verbose=0)
    code = keras.Sequential([keras.layers.Input((4,)), keras.layers.Lambda(lambda x: x * 2)])
    custom = keras.Sequential([keras.layers.Input((4,)), Custom()])
    return {"dense": dense, "lambda": code, "custom": custom}


def hdf5_files():
    with h5py.File(HERE / "hdf5_compressed.h5", "w") as file:
        file["x"] = np.arange(10)
        group = file.create_group("g")
        group.create_dataset("c", data=np.zeros((100, 100)), chunks=(10, 10), compression="gzip")
        group.attrs["n"] = "text"
    with h5py.File(HERE / "hdf5_latest.h5", "w", libver="latest") as file:
        file["x"] = np.arange(4)
        file["g/y"] = np.ones(3)
        file.attrs["a"] = "text"
        file["g"].attrs["n"] = 3
    with h5py.File(HERE / "hdf5_external_link.h5", "w") as file:
        file["x"] = h5py.ExternalLink("/etc/other.h5", "/x")
    with h5py.File(HERE / "hdf5_external_data.h5", "w") as file:
        file.create_dataset("x", (4,), "i4", external=[("/etc/passwd", 0, 16)])
    with h5py.File(HERE / "hdf5_virtual.h5", "w", libver="latest") as file:
        layout = h5py.VirtualLayout(shape=(4,), dtype="i4")
        layout[:] = h5py.VirtualSource("/etc/other.h5", "x", shape=(4,))
        file.create_virtual_dataset("v", layout)
    with h5py.File(HERE / "hdf5_pickled.h5", "w") as file:
        file.attrs["state"] = np.bytes_(pickle.dumps(print, 0))
        file.create_dataset("v", data=["a" * 50, "b"], dtype=h5py.string_dtype())
    with h5py.File(HERE / "hdf5_dense.h5", "w", libver="latest") as file:
        for number in range(20):
            file.attrs[f"a{number}"] = number


def main():
    for name, model in keras_models().items():
        model.save(HERE / f"{name}.keras")
        if name != "custom":
            model.save(HERE / f"{name}.h5")
    tf.saved_model.save(ReadsFile(), str(HERE / "folder"))
    shutil.move(HERE / "folder" / "saved_model.pb", HERE / "reads_file.saved_model.pb")
    shutil.rmtree(HERE / "folder")
    arrays = {"a": np.zeros((3, 4), np.float32), "b": np.ones(5, np.int64)}
    safetensors.numpy.save_file(arrays, HERE / "tiny.safetensors", metadata={"format": "pt"})
    hdf5_files()
    writer = gguf.GGUFWriter(HERE / "tiny.gguf", "llama")
    writer.add_block_count(1)
    writer.add_chat_template("{% for m in messages %}{{ m['content'] }}{% endfor %}")
    writer.add_token_list(["a", "b", "c"])
    writer.add_tensor("t", np.zeros((32, 32), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
