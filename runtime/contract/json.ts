/** What a manifest can hold: splits, enumerator states, committables and sink writer states are of this form. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue }
