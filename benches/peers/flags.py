"""The flags of a net that is none of the workloads."""


def net_flags(parser):
    """The flags of another net in place of the workloads; --dropout is of the hidden units, or of the input and of them."""
    parser.add_argument("--dims", help="an epoch of another net in place of the workloads, as in 784,100,10 (PyTorch and JAX only)")
    parser.add_argument("--batch", type=int, default=16, help="with --dims, and so are:")
    parser.add_argument("--activation", default="relu", choices=["relu", "leaky-relu", "sigmoid", "tanh", "gelu", "gelu-tanh"])
    parser.add_argument("--optimizer", default="sgd", choices=["sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop"])
    parser.add_argument("--dropout", metavar="P or P,P")
    parser.add_argument("--layer-norm", action="store_true")
