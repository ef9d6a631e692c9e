/** `keras.callbacks`. */
export { BackupAndRestore, type BackupAndRestoreOptions } from "./backupAndRestore.ts";
export { Callback, type CallbackParams, type Logs } from "./callback.ts";
export { CallbackList } from "./callbackList.ts";
export { CSVLogger, type CSVLoggerOptions } from "./csvLogger.ts";
export { EarlyStopping, type EarlyStoppingOptions } from "./earlyStopping.ts";
export { History } from "./history.ts";
export { LambdaCallback, type LambdaHooks } from "./lambdaCallback.ts";
export {
  type EpochSchedule,
  LearningRateScheduler,
  type LearningRateSchedulerOptions,
} from "./learningRateScheduler.ts";
export { ModelCheckpoint, type ModelCheckpointOptions } from "./modelCheckpoint.ts";
export { ProgbarLogger } from "./progbarLogger.ts";
export { ReduceLROnPlateau, type ReduceLROnPlateauOptions } from "./reduceLROnPlateau.ts";
export { RemoteMonitor, type RemoteMonitorOptions } from "./remoteMonitor.ts";
export { SwapEMAWeights, type SwapEMAWeightsOptions } from "./swapEMAWeights.ts";
export { TensorBoard, type TensorBoardOptions } from "./tensorBoard.ts";
export { TerminateOnNaN, type TerminateOnNaNOptions } from "./terminateOnNaN.ts";
