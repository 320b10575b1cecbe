import { greeting } from "../code/greeting.js";

console.log(greeting("world"));
