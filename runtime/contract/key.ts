/** What a stream may be partitioned by. Tuples may nest. NaN and lone surrogates are refused; -0 is 0; 1 and 1n differ. */
export type Key = string | number | bigint | boolean | Uint8Array | readonly Key[]
