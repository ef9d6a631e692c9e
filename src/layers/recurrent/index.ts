/** Recurrent layers, their cells, and wrappers over time. Every value exported here is a layer class. */
export { Bidirectional, type BidirectionalOptions, type MergeMode } from "./bidirectional.ts";
export type { RecurrentCell, StateSize, States } from "./cell.ts";
export {
  ConvLSTM1D,
  type ConvLSTM1DOptions,
  ConvLSTM2D,
  type ConvLSTM2DOptions,
  ConvLSTM3D,
  type ConvLSTM3DOptions,
} from "./convLSTM.ts";
export { GRU, type GRUOptions } from "./gru.ts";
export { GRUCell, type GRUCellOptions } from "./gruCell.ts";
export type { RNNCallOptions } from "./initialState.ts";
export { LSTM, type LSTMOptions } from "./lstm.ts";
export { LSTMCell, type LSTMCellOptions } from "./lstmCell.ts";
export { RNN, type RNNOptions } from "./rnn.ts";
export { SimpleRNN, type SimpleRNNOptions } from "./simpleRNN.ts";
export { SimpleRNNCell, type SimpleRNNCellOptions } from "./simpleRNNCell.ts";
export { StackedRNNCells } from "./stackedRNNCells.ts";
export { TimeDistributed } from "./timeDistributed.ts";
