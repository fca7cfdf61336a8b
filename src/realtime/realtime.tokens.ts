/** Injection token of the resolved options. */
export const REALTIME_OPTIONS: unique symbol = Symbol.for('rookery:options');
