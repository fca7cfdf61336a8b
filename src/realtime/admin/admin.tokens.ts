/** Injection token of the keys that open the admin API. */
export const ADMIN_KEYS: unique symbol = Symbol.for('rookery:admin-keys');
