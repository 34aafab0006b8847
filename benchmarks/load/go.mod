module moorage/load

go 1.25
