/** The network y = softmax(h(x W1 + b1) W2 + b2): shape, parameters, initial weights, loss, gradient, score. */
package dev.lockstep.net;
