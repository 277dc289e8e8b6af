/** A TCP port of the loopback interface that nothing listens on; this process's until it ends. */
export declare function freePort(wanted?: number): Promise<number>;
