"""Write the pictures of this folder, with Pillow 13: ``python make_pictures.py``. Whom they name is invented."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, PngImagePlugin

HERE = Path(__file__).parent
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description photoshop:City="Oslo" xmp:Rating="">'
    "<dc:creator><rdf:Seq><rdf:li>Jane Roe</rdf:li></rdf:Seq></dc:creator></rdf:Description></rdf:RDF></x:xmpmeta>"
)


def main() -> None:
    """Write one picture of each form."""
    image = Image.new("RGB", (4, 4))
    exif = Image.Exif()
    exif[0x013B] = "Jane Roe"
    exif[0x010E] = "mail jane.roe@example.org"
    exif[0x9C9D] = "Zoë\0".encode("utf-16-le")
    exif.get_ifd(0x8769).update({0x9286: b"ASCII\0\0\0call me", 0xA431: "SN-0042"})
    exif.get_ifd(0x8825).update({1: "S", 2: (33.0, 51.0, 36.0), 3: "E", 4: (151.0, 12.0, 18.0), 29: "2026:01:31"})
    image.save(HERE / "tags.jpg", exif=exif, comment=b"to a@example.org", xmp=XMP.encode())
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "Jane Roe")
    info.add_text("Comment", "to a@example.org", zip=True)
    info.add_itxt("Title", "Zoë", zip=True)
    info.add_itxt("XML:com.adobe.xmp", XMP)
    image.save(HERE / "tags.png", pnginfo=info, exif=exif)
    image.save(HERE / "plain.png")


if __name__ == "__main__":
    main()
