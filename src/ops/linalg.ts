/** `keras.ops.linalg`: linear algebra. */
export { cholesky, eig, eigh, luFactor, qr, svd } from "./decompositions.ts";
export { jvp } from "./jvp.ts";
export { norm } from "./norm.ts";
export { choleskyInverse, det, inv, lstsq, matrixRank, pinv, solve, solveTriangular } from "./solving.ts";
