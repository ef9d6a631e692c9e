import { describeOpCases } from "../testing/opCases.ts";

describeOpCases("ops");
describeOpCases("ops_numpy");
