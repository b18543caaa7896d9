/** The domain of the operators that ONNX Runtime has beside ONNX's own. */
export const microsoft = 'com.microsoft'
