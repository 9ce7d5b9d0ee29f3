/** Characters of a password, at least: the server's rule, told before it is broken. */
export const MIN_PASSWORD = 8;
