//! Prints the bits of every optimizer, layer and loss.

fn main() {
    print!("{}", longhand_elsewhere::bits::trained());
}
