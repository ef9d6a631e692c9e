/**
 * Knowledge distillation: a small network learns from the labels and from what a large one answers. Only the loss is of our own,
 * so `computeLoss` is all that the model overrides; metrics, callbacks and validation stay what they are.
 */
import * as keras from "../src/node.ts";
import { loadDigits } from "./support/loadDigits.ts";
import { first, small } from "./support/small.ts";

const { layers, ops } = keras;
keras.utils.setRandomSeed(2);
const epochs = small ? 6 : 10;

const network = (units: readonly number[], name: string) =>
  keras.Sequential(
    [
      keras.Input({ shape: [784] }),
      ...units.flatMap((n) => [layers.Dense(n, { activation: "relu" }), layers.Dropout(n > 32 ? 0.3 : 0)]),
      layers.Dense(10),
    ],
    { name },
  );

class Distiller extends keras.Model {
  readonly student: ReturnType<typeof network>;
  readonly teacher: ReturnType<typeof network>;
  /** Share of the labels in the loss, and how soft the teacher's answers are made. */
  readonly alpha = 0.1;
  readonly temperature = 3;

  constructor(student: ReturnType<typeof network>, teacher: ReturnType<typeof network>) {
    super();
    this.student = student;
    this.teacher = teacher;
    teacher.trainable = false;
  }

  override call(x: keras.Tensor): keras.Tensor {
    return this.student(x);
  }

  override computeLoss(x: keras.Tensor, y: keras.Tensor, yPred: keras.Tensor, sampleWeight: keras.Tensor | null) {
    const fromLabels = super.computeLoss(x, y, yPred, sampleWeight);
    const soft = (logits: keras.Tensor): keras.Tensor => ops.softmax(logits.div(this.temperature));
    const answers = soft(this.teacher(x, { training: false }));
    const fromTeacher = keras.losses
      .klDivergence(answers, soft(yPred))
      .mean()
      .mul(this.temperature ** 2);
    return fromLabels.mul(this.alpha).add(fromTeacher.mul(1 - this.alpha));
  }
}

const [[images, labels], [testImages, testLabels]] = await loadDigits();
const flat = (t: keras.Tensor): keras.Tensor => t.reshape([-1, 784]).astype("float32").div(255);
const [x, y] = [flat(first(images, 60_000, 6000)), first(labels, 60_000, 6000)];
const [xTest, yTest] = [flat(testImages), testLabels];
const few = { x: x.get([0, small ? 500 : 2000]), y: y.get([0, small ? 500 : 2000]) };

type Trainable = Pick<keras.Model, "compile" | "fit" | "evaluate">;

async function train(model: Trainable, data: { x: keras.Tensor; y: keras.Tensor }, epochs: number): Promise<number> {
  const loss = keras.losses.SparseCategoricalCrossentropy({ fromLogits: true });
  model.compile({ optimizer: keras.optimizers.Adam(), loss, metrics: ["sparse_categorical_accuracy"] });
  await model.fit(data.x, data.y, { batchSize: 64, epochs, verbose: 0 });
  const { sparse_categorical_accuracy: accuracy } = await model.evaluate(xTest, yTest, {
    verbose: 0,
    returnDict: true,
  });
  return accuracy!;
}

// The teacher has seen every digit; the students learn from a few.
const teacher = network([256, 128], "teacher");
const teacherAccuracy = await train(teacher, { x, y }, small ? 4 : 8);
const alone = await train(network([8], "alone"), few, epochs * 4);
const taught = await train(new Distiller(network([8], "student"), teacher), few, epochs * 4);
console.log(`Teacher, ${teacher.countParams()} weights: ${teacherAccuracy.toFixed(4)}`);
console.log(`Student of ${few.x.shape[0]} digits by itself: ${alone.toFixed(4)}`);
console.log(`The same student, taught: ${taught.toFixed(4)}`);
