package dev.lockstep.files;

/**
 * Layout of an ONNX file: numbers only. The file is one message {@code ModelProto} in the encoding of protocol buffers, whose
 * fields may come in any order:
 *
 * <pre>
 *   field:   varint (number of the field * 8 + wire type), then by wire type
 *            0: varint, 7 bits a byte, the lowest first, the highest bit set in all but the last
 *            1: 8 bytes      5: 4 bytes, little-endian
 *            2: varint length, then so many bytes: a text, raw bytes, or the fields of a message
 *
 *   ModelProto             GraphProto           NodeProto        AttributeProto   TensorProto     ValueInfoProto
 *    1 ir_version           1 node *             1 input *        1 name           1 dims *        1 name
 *    2 producer_name        2 name               2 output *       3 i              2 data_type     2 type
 *    3 producer_version     5 initializer *      3 name          20 type           8 name          3 doc_string
 *    6 doc_string          10 doc_string         4 op_type                         9 raw_data
 *    7 graph               11 input *            5 attribute *
 *    8 opset_import *      12 output *
 *   14 metadata_props *
 *
 *   OperatorSetIdProto     StringStringEntryProto   TypeProto         TypeProto.Tensor   TensorShapeProto   Dimension
 *    1 domain               1 key                    1 tensor_type     1 elem_type        1 dim *            1 dim_value
 *    2 version              2 value                                    2 shape                               2 dim_param
 * </pre>
 *
 * (* may be there many times.) Other fields are not written, and passed over when they are read.
 */
final class OnnxLayout {
    /** Written as ir_version: of ONNX 1.12, the first with operator set 17. */
    static final int IR_VERSION = 8;
    /** Written as version of the operator set. */
    static final int OPERATOR_SET = 17;

    static final int VARINT = 0;
    static final int FIXED_64 = 1;
    static final int BYTES = 2;
    static final int FIXED_32 = 5;

    static final int MODEL_IR_VERSION = 1;
    static final int MODEL_PRODUCER_NAME = 2;
    static final int MODEL_PRODUCER_VERSION = 3;
    static final int MODEL_DOC = 6;
    static final int MODEL_GRAPH = 7;
    static final int MODEL_OPERATOR_SET = 8;
    static final int MODEL_METADATA = 14;

    static final int GRAPH_NODE = 1;
    static final int GRAPH_NAME = 2;
    static final int GRAPH_INITIALIZER = 5;
    static final int GRAPH_INPUT = 11;
    static final int GRAPH_OUTPUT = 12;

    static final int NODE_INPUT = 1;
    static final int NODE_OUTPUT = 2;
    static final int NODE_NAME = 3;
    static final int NODE_OPERATOR = 4;
    static final int NODE_ATTRIBUTE = 5;

    static final int ATTRIBUTE_NAME = 1;
    static final int ATTRIBUTE_INT = 3;
    static final int ATTRIBUTE_TYPE = 20;
    /** An attribute's type: one whole number. */
    static final int ATTRIBUTE_TYPE_INT = 2;

    static final int TENSOR_DIMENSION = 1;
    static final int TENSOR_TYPE = 2;
    static final int TENSOR_NAME = 8;
    static final int TENSOR_RAW_DATA = 9;
    /** A tensor's or value's type: float32. */
    static final int FLOAT32 = 1;
    /** A value's type: int64. */
    static final int INT64 = 7;

    static final int VALUE_NAME = 1;
    static final int VALUE_TYPE = 2;
    static final int VALUE_DOC = 3;
    static final int TYPE_TENSOR = 1;
    static final int TENSOR_TYPE_ELEMENT = 1;
    static final int TENSOR_TYPE_SHAPE = 2;
    static final int SHAPE_DIMENSION = 1;
    static final int DIMENSION_SIZE = 1;
    static final int DIMENSION_NAME = 2;

    static final int ENTRY_KEY = 1;
    static final int ENTRY_VALUE = 2;
    static final int OPERATOR_SET_VERSION = 2;

    private OnnxLayout() {}
}
