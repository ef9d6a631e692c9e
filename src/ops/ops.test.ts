import { describeOpCases } from "../testing/opCases.ts";

describeOpCases("ops");
describeOpCases("ops_numpy");
describeOpCases("ops_nn");
describeOpCases("ops_fft");
describeOpCases("ops_linalg");
describeOpCases("ops_image");
