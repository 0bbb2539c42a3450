"""How light makes skin's colour: spectra of its pigments, layers that absorb and scatter, and a table for pixels.

spectra -> skin (coefficients of each layer) -> reflectance (spectrum of the whole) -> table (linear RGB a pixel).
"""
