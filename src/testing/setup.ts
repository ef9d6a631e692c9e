/** Runs before every test file: installs what the package's entry for Node installs. */
import { setPlatform } from "../core/platform.ts";
import { nodePlatform } from "../platform/node.ts";

setPlatform(nodePlatform);
