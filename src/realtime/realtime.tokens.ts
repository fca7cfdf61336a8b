/** Injection token of the resolved options. */
export const REALTIME_OPTIONS: unique symbol = Symbol.for('rookery:options');

/** Injection token of `RealtimeParts`. */
export const REALTIME_PARTS: unique symbol = Symbol.for('rookery:parts');
